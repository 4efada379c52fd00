"""The security scan: scored, explainable signals; their sum against one threshold."""
