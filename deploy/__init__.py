"""What an administrator runs: provision the account, build the package, generate the documents."""
