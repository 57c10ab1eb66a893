# Steps with a report, for script/test and .ci/run. Steps may run in parallel as background jobs.
#
# The output of a step is printed when it ends: all of it after a failure, otherwise its last lines. If ORATOR_REPEAT is
# set, a failed step is repeated once with STEP_IS_REPEATED set, and reported as flaky if it then passes.

steps=$(mktemp -d)
trap 'rm -rf "$steps"' EXIT
trap 'trap - INT TERM; kill 0' INT TERM # background jobs, too

# step NAME COMMAND...: runs a command and adds its result and duration to the report.
step() {
  local name=$1 started=$SECONDS result=passed output
  shift
  output=$(mktemp "$steps/output.XXXXXX")
  if ! "$@" >"$output" 2>&1; then
    result=FAILED
    if [ "${ORATOR_REPEAT:-}" ]; then
      printf '\n-- repeated:\n' >>"$output"
      if STEP_IS_REPEATED=yes "$@" >>"$output" 2>&1; then result=FLAKY; fi
    fi
  fi
  {
    flock 9
    printf '\n== %s: %s\n' "$name" "$result"
    if [ $result = passed ]; then tail -n 2 "$output"; else cat "$output"; fi
    printf '%-6s %4d s  %s\n' $result $((SECONDS - started)) "$name" >>"$steps/report"
  } 9>"$steps/lock"
}

# report: prints the results of all steps; fails if a step has failed.
report() {
  printf '\n== Results\n'
  cat "$steps/report"
  sed -n 's/^FLAKY  *[0-9]* s  \(.*\)/FLAKY: \1 failed once and passed when repeated/p' "$steps/report"
  ! grep -q '^FAILED' "$steps/report"
}
