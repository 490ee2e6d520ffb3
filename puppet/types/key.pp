# @summary A public key: itself in PEM form or as OpenSSH has it, or the name of a file in the folder of trust.
type Pitstop::Key = Variant[Pattern[/\A(-----BEGIN|ssh-)/], Pitstop::Filename]
