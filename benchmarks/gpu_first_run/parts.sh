# The parts of gpu_first_run.sh, which reads this: name, most seconds, command.
part machine 15 "$python" "$here/machine.py" "$out"
part check 90 "$python" "$here/check.py" "$out"
part tests 90 "$here/tests.sh" "$python" "$out"
part steps 110 "$python" "$here/steps.py" "$out"
part training 60 "$python" "$here/training.py" "$out"
part processes 25 "$python" "$here/processes.py" "$out"
part sanitizer 45 "$here/sanitizer.sh" "$python" "$out"
part compile 35 "$python" "$here/steps.py" "$out" --compiled
