# @summary Whether a task's result says that the host's own rules put the change off, which passes by itself.
#
# @param value
#   The result's value: the agent's report.
# @return
#   Whether it waits.
function pitstop::put_off(Hash $value) >> Boolean {
  $value.dig('error', 'kind') in ['wave', 'window', 'lock']
}
