# @summary Limits on what an archive may hold.
#
# Entries, bytes of all files and of one, unpacked bytes per packed byte.
type Pitstop::Limits = Struct[{
  Optional['entries']     => Integer[1],
  Optional['total_bytes'] => Integer[1],
  Optional['file_bytes']  => Integer[1],
  Optional['ratio']       => Integer[1],
}]
