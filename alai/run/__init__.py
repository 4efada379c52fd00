"""What `alai.supervisor` is made of: the parts, the address they serve, and what a killed run left."""
