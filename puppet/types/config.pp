# @summary How an instance's files are configured.
#
# Files with values, of which a later one wins, a folder of own templates, and what is configured; the product's list
# without it.
type Pitstop::Config = Struct[{
  Optional['values']    => Array[String[1]],
  Optional['templates'] => String[1],
  Optional['files']     => Array[Pitstop::File],
}]
