# @summary Ends a plan where a host failed, with what each of them says; a change that was put off is no failure.
#
# @param results
#   What a task said, a `ResultSet` of Bolt.
# @param why
#   What the failure means for the plan.
# @param tolerated
#   Kinds of failure that end nothing.
# @return
#   Nothing.
function pitstop::refuse_failed(Any $results, String[1] $why, Array[String[1]] $tolerated = []) >> Undef {
  $failed = $results.error_set.filter_set |$result| {
    !pitstop::put_off($result.value) and !($result.value.dig('error', 'kind') in $tolerated)
  }
  $said = $failed.reduce({}) |$all, $result| {
    $own = $result.value.dig('error', 'message')
    $all + { $result.target.name => $own ? { undef => $result.error.msg, default => $own } }
  }
  unless $said.empty {
    $lines = $said.map |$host, $reason| { "  ${host}: ${reason}" }
    fail_plan("${why}:\n${lines.join("\n")}", 'pitstop/rollout', { 'hosts' => $said })
  }
  undef
}
