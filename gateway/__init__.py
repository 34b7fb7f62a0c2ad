"""The SMTP gateway: mail in, seal what policy selects, mail out; knows the key server only over HTTP."""
