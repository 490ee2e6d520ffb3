# @summary The level that the dry runs of an update lead to; ends a plan where hosts would come to different ones.
#
# @param results
#   What the dry runs said, a `ResultSet` of Bolt.
# @return
#   The level; none where no host planned, such as where all are interrupted.
function pitstop::common_level(Any $results) >> Optional[String[1]] {
  $planned = $results.results.reduce({}) |$all, $result| {
    $level = $result.value.dig('plan', 'to', 'level')
    $all + ($level ? { undef => {}, default => { $result.target.name => $level } })
  }
  $levels = unique($planned.values)
  if $levels.length > 1 {
    $lines = $planned.map |$host, $level| { "  ${host}: ${level}" }
    $why = 'nothing was changed, as the hosts would come to different levels; name one, or take them apart'
    fail_plan("${why}:\n${lines.join("\n")}", 'pitstop/rollout', { 'levels' => $planned })
  }
  $levels[0]
}
