"""What `feroi COMMAND` runs: each a thin call to functions people can import."""
