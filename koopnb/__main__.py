from koopnb.cli import console

console()
