# @summary The name of a file with decisions about conflicts, or with signed evidence.
type Pitstop::Decisions = Pattern[/\A[A-Za-z0-9_][A-Za-z0-9._-]*\.json\z/]
