"""Photos read over HTTP; needs feroi[serve]."""
