"""Small helpers with a public path of their own."""
