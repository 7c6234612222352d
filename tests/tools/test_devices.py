"""Tests of trainings on several devices and machines, as processes."""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from unittest import mock

from elastic_tf_tools.devices import Devices, find_devices
from elastic_tf_tools.run_folder import RunFolder

import pytest
import tensorflow as tf
from absl.testing import parameterized

from elastic_tf.training.checkpoints import load_checkpoint
from tests import testing

TRAINING = (
    *"--tasks=digits --batch_size=8 --backbone=wrn-8-1 --trunk_size=4 --num_levels=2".split(),
    # What the alternation does on several devices, test_replicas says.
    *"--initial_steps=24 --selector=none --rounds=0 --steps_per_epoch=4".split(),
    *"--final_test=false --search_evaluations=0 --policy_health_every=0".split(),
)


def start(folder, *flags, worker=None, workers=()):
    """Starts a training, as one of several machines if they are given; returns the process."""
    environment = dict(os.environ, PYTHONPATH=str(pathlib.Path(__file__).parents[2]))
    if workers:
        task = {"type": "worker", "index": worker}
        environment["TF_CONFIG"] = json.dumps({"cluster": {"worker": workers}, "task": task})
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "elastic_tf_tools",
            "train",
            f"--output_dir={folder}",
            *TRAINING,
            *flags,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    )


def free_addresses(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("localhost", 0))
    addresses = [f"localhost:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    return addresses


class DevicesTest(testing.TestCase):
    @parameterized.parameters("0", "-1", "2.5", "two", "")
    def test_what_is_no_number_of_devices_is_refused(self, wanted):
        with self.assertRaisesRegex(ValueError, f"`--devices` must be 'all'.*devices={wanted}"):
            find_devices(wanted)

    @parameterized.parameters(
        "no json",
        "[]",
        '{"cluster": {"worker": ["a:1", "b:1"]}}',
        '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 2}}',
        '{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"type": "worker", "index": 0}}',
    )
    def test_a_cluster_that_cannot_be_used_is_refused(self, text):
        with mock.patch.dict(os.environ, TF_CONFIG=text):
            with self.assertRaisesRegex(ValueError, "TF_CONFIG must be .* Received: TF_CONFIG="):
                find_devices("1")

    def test_one_device_has_no_strategy(self):
        for wanted in ("1", "all"):
            devices = find_devices(wanted)
            self.assertEqual((devices.count, devices.machines, devices.is_chief), (1, 1, True))

    def test_a_batch_that_devices_cannot_share_is_refused(self):
        devices = Devices(testing.two_devices(), True, "2 CPUs")
        devices.check_batches({"digits": 8})
        with self.assertRaisesRegex(ValueError, "multiple of 2 for each task.*digits=7"):
            devices.check_batches({"digits": 7})

    @pytest.mark.slow
    def test_one_device_two_devices_and_two_machines_go_on_with_a_run(self):
        """What one device has begun ends alike on two, and on two machines, one of them killed."""
        devices, machines = (pathlib.Path(self.get_temp_dir()) / name for name in "ab")
        self._finish(start(devices, "--until_step=4"))
        shutil.copytree(devices, machines)
        self.assertIn("Continuing at step 4", self._finish(start(devices, "--devices=2")))
        self._kill_one_of_two(machines)
        addresses = free_addresses(2)
        both = [start(machines, worker=i, workers=addresses) for i in (0, 1)]
        printed = [self._finish(process) for process in both]
        self.assertRegex(printed[0], r"Continuing at step (8|12|16) from")
        self.assertIn("Saved:", printed[0])
        self.assertNotIn("Saved:", printed[1])
        models = [RunFolder(path).load_model() for path in (devices, machines)]
        for one, other in zip(models[0].variables, models[1].variables, strict=True):
            self.assertAllClose(one, other, rtol=1e-4, atol=1e-4, msg=one.path)

    @pytest.mark.slow
    def test_machines_of_which_some_are_told_to_end_do_so_at_one_step(self):
        folder, begun = pathlib.Path(self.get_temp_dir()) / "run", "9000 steps on 2 machines"
        for told in ((1,), (0, 1)):
            both = self._start_two(folder, "--initial_steps=9000")
            for number in told:
                both[number].send_signal(signal.SIGTERM)
            first, second = (self._finish(process, status=143) for process in both)
            self.assertIn(begun, first)
            step = re.search(r"Stopped by SIGTERM at step (\d+)\. Saved: ", first)[1]
            self.assertIn(f"Stopped by SIGTERM at step {step}. The first machine saves", second)
            self.assertEqual(load_checkpoint(RunFolder(folder).checkpoint)[0].step, int(step))
            begun = f"Continuing at step {step} from"

    def _start_two(self, folder, *flags):
        """Starts a training on two machines, and waits for their first checkpoint."""
        checkpoint, addresses = RunFolder(folder).checkpoint, free_addresses(2)
        begun = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        both = [start(folder, *flags, worker=i, workers=addresses) for i in (0, 1)]
        # For a moment, between two names, there is none.
        while not checkpoint.exists() or checkpoint.stat().st_mtime_ns == begun:
            self.assertIsNone(both[0].poll())
            time.sleep(0.02)
        return both

    def _kill_one_of_two(self, folder):
        """Kills the second of two machines after their first checkpoint."""
        chief, other = self._start_two(folder)
        other.send_signal(signal.SIGKILL)
        other.communicate()
        printed = self._finish(chief, status=1)
        self.assertIn("error: another machine is lost; the same command", printed)
        self.assertNotIn("Traceback", printed)

    def _finish(self, process, status=0):
        printed, _ = process.communicate(timeout=300)
        self.assertEqual(process.returncode, status, printed)
        return printed


if __name__ == "__main__":
    tf.test.main()
