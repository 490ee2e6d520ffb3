# @summary One configured file.
#
# The product knows what is left out of the files that it has templates for. `keys` is for the mode `ensure-keys`: undef
# removes a key.
type Pitstop::File = Struct[{
  'path'               => Pitstop::Relpath,
  Optional['template'] => String[1],
  Optional['content']  => String,
  Optional['keys']     => Hash[String[1], Data],
  Optional['mode']     => Enum['replace', 'merge', 'ensure-keys'],
  Optional['secret']   => Boolean,
  Optional['validate'] => Array[String[1], 1],
  Optional['restart']  => Boolean,
  Optional['defaults'] => Array[Pitstop::Relpath],
}]
