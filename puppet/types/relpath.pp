# @summary A path inside a pack.
type Pitstop::Relpath = Pattern[/\A[^\/\0][^\0]*\z/]
