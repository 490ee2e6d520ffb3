# @summary Where a file comes from: a path on the host, or the Puppet server.
type Pitstop::Origin = Pattern[/\A(\/|puppet:\/\/)[^\0]+\z/]
