# @summary An absolute path.
type Pitstop::Path = Pattern[/\A\/[^\0]*\z/]
