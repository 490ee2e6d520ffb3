# @summary Makes a page about the fleet: asks every host, and has the agent on this machine make it.
#
# @param targets
#   The hosts.
# @param folder
#   A folder on this machine for the answers, one file for each host. It must be there.
# @param html
#   The page.
# @param agent
#   The agent on this machine.
# @return
#   The names of the hosts that are on the page, and of those that gave no answer.
plan pitstop::page(
  TargetSpec     $targets,
  Pitstop::Path  $folder,
  Pitstop::Path  $html  = "${folder}/index.html",
  Pitstop::Agent $agent = 'pitstop',
) {
  $answers = run_task('pitstop::report', $targets, '_catch_errors' => true)
  $answers.ok_set.each |$answer| {
    # A name may be an address with slashes.
    $name = $answer.target.name.regsubst(/[^A-Za-z0-9._-]/, '_', 'G')
    file::write("${folder}/${name}.json", pitstop::to_json($answer.value))
  }
  $words = { 'AGENT' => $agent, 'FOLDER' => $folder, 'HTML' => $html }
  run_command('"$AGENT" report "$FOLDER" --html "$HTML"', 'localhost', '_env_vars' => $words)
  return({ 'asked' => $answers.ok_set.names, 'silent' => $answers.error_set.names })
}
