# @summary The agent: an absolute path, or a name that is looked up in PATH.
type Pitstop::Agent = Variant[Pitstop::Path, Pattern[/\A[A-Za-z0-9_][A-Za-z0-9._-]*\z/]]
