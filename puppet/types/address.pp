# @summary The address of a folder with bundles, such as 'https://updates.example.com/is'.
type Pitstop::Address = Pattern[/\Ahttps:\/\/[^\s\/?#@][^\s?#@]*\z/]
