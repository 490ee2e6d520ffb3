# @summary Whether a dry run's result says that the update is to be run on the host.
#
# An interrupted change says nothing of what would be changed: the update itself finishes or undoes it first.
#
# @param value
#   The result's value: the agent's report.
# @return
#   Whether the host is to be updated.
function pitstop::is_due(Hash $value) >> Boolean {
  ($value['ok'] == true and $value['changed'] == true) or $value.dig('error', 'kind') == 'interrupted'
}
