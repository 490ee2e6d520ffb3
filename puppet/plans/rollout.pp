# @summary Takes one instance on many hosts to a level, wave by wave, and stops where a wave fails.
#
# First every host is asked what would happen: a conflict, or anything else that would stop an update, ends the plan before
# the first server is touched. Then come the waves, the canaries first: drain, update, verify, undrain what is healthy. A
# wave with a host that failed, or is not healthy, is the last. Hosts whose own rules say not yet (`wave`, `window`, `lock`)
# wait, which is no failure.
#
# The plan can be run again to go on. Hosts at the level are left alone; with `undrain`, they are verified and put back before
# the first wave, as an earlier run may have left any of them out, and one that is not healthy ends the plan. A host whose
# update was interrupted is updated like any other.
#
# @param targets
#   The hosts.
# @param instance
#   The instance's name, the same on each.
# @param level
#   The level; without it, the highest offered of the release line as the plan begins, which must be the same for all.
# @param source
#   Where the update comes from instead of the instance's source.
# @param waves
#   How many hosts each wave takes: numbers, or shares of all that are to be updated, such as `25%`. The last one repeats.
# @param canaries
#   Hosts that go first.
# @param drain
#   A plan that takes hosts out of a load balancer; it gets them as `targets`.
# @param undrain
#   A plan that puts hosts back that are healthy; it gets them as `targets`. It is run for hosts that never left, too.
# @param deep
#   Whether every file is read to verify.
# @param acknowledge
#   Ids of manual steps of the update that have been taken care of.
# @return
#   The names of the hosts that were updated, that were at the level already, and that wait.
plan pitstop::rollout(
  TargetSpec                $targets,
  Pitstop::Instance         $instance,
  Optional[Pitstop::Level]  $level       = undef,
  Optional[Pitstop::Path]   $source      = undef,
  Array[Pitstop::Share, 1]  $waves       = [1, '25%', '100%'],
  TargetSpec                $canaries    = [],
  Optional[String[1]]       $drain       = undef,
  Optional[String[1]]       $undrain     = undef,
  Boolean                   $deep        = false,
  Array[String[1]]          $acknowledge = [],
) {
  $first = get_targets($canaries)
  $others = get_targets($targets).filter |$host| { !($host in $first) }
  $given = { 'instance' => $instance, 'level' => $level, 'source' => $source, 'acknowledge' => $acknowledge }
  $update = $given.filter |$name, $value| { $value =~ NotUndef }

  $verify = { 'instance' => $instance, 'deep' => $deep, '_catch_errors' => true }

  # What would be refused is no surprise in the middle.
  $asked = run_task('pitstop::update', $first + $others, $update + { '_noop' => true, '_catch_errors' => true })
  pitstop::refuse_failed($asked, 'nothing was changed, as the update would fail', ['interrupted'])
  $due = $asked.filter_set |$result| { pitstop::is_due($result.value) }
  $settled = $asked.filter_set |$result| { !pitstop::is_due($result.value) }

  # What comes to the source meanwhile was not tried on the canaries.
  $common = $level ? { undef => pitstop::common_level($due), default => $level }
  $decided = $update + ($common ? { undef => {}, default => { 'level' => $common } })

  if $undrain and !$settled.empty {
    $well = run_task('pitstop::verify', $settled.targets, $verify)
    unless $well.ok_set.empty {
      run_plan($undrain, 'targets' => $well.ok_set.targets)
    }
    pitstop::refuse_failed($well, 'hosts that need no update are not healthy, and no wave was begun')
  }

  $results = pitstop::batches($due.targets, $waves).map |$index, $batch| {
    $names = $batch.map |$host| { $host.name }
    $wave = "wave ${$index + 1}"
    out::message("${wave}: ${names.join(', ')}")
    if $drain {
      run_plan($drain, 'targets' => $batch)
    }
    $updated = run_task('pitstop::update', $batch, $decided + { '_catch_errors' => true })
    $verified = run_task('pitstop::verify', $batch, $verify)
    # A host that went back by itself, or has to wait, serves too.
    if $undrain and !$verified.ok_set.empty {
      run_plan($undrain, 'targets' => $verified.ok_set.targets)
    }
    pitstop::refuse_failed($updated, "${wave} failed, and no later one was begun")
    pitstop::refuse_failed($verified, "${wave} is not healthy, and no later one was begun")
    $updated.results
  }

  return(($results.flatten + $settled.results).reduce({ 'updated' => [], 'unchanged' => [], 'waiting' => [] }) |$all, $result| {
      $what = if pitstop::put_off($result.value) { 'waiting' } elsif $result['changed'] { 'updated' } else { 'unchanged' }
      $all + { $what => $all[$what] + [$result.target.name] }
  })
}
