# @summary The name of an instance.
type Pitstop::Instance = Pattern[/\A[A-Za-z0-9_][A-Za-z0-9._-]*\z/]
