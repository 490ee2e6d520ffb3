# @summary So many of these keys, each with or without the name of whom it belongs to.
type Pitstop::Role = Struct[{
  Optional['threshold'] => Integer[1],
  'keys'                => Array[Variant[Pitstop::Key, Struct[{ 'name' => String[1], 'key' => Pitstop::Key }]], 1],
}]
