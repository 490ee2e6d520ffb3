# @summary Parts hosts, or anything else, into waves; the last size repeats until all have gone.
#
# @param all
#   What is parted, in this order.
# @param sizes
#   How much each wave takes: a number, or a share of all such as `25%`, at least one.
# @return
#   The waves, none of them empty.
function pitstop::batches(Array $all, Array[Pitstop::Share, 1] $sizes) >> Array[Array] {
  $counts = $sizes.map |$size| {
    $size ? {
      Integer => $size,
      default => max(1, (Integer($size.match(/\d+/)[0]) * $all.length + 99) / 100),
    }
  }
  $first = $counts.reduce([]) |$waves, $count| {
    $waves + [$all[$waves.reduce(0) |$sum, $wave| { $sum + $wave.length }, $count]]
  }
  $rest = $all[$first.reduce(0) |$sum, $wave| { $sum + $wave.length }, -1]
  $waves = $first + Array($rest.slice($counts[-1]))
  $waves.filter |$wave| { !$wave.empty }
}
