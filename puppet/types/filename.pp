# @summary The name of a file, without a folder.
type Pitstop::Filename = Pattern[/\A[A-Za-z0-9_][A-Za-z0-9._-]*\z/]
