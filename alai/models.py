"""No tables of the root's own; without this module Django sends the root no `post_migrate`."""
