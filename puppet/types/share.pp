# @summary How many hosts: a number, or a share of all such as '25%'.
type Pitstop::Share = Variant[Integer[1], Pattern[/\A([1-9]\d?|100)%\z/]]
