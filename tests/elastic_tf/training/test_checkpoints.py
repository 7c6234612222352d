"""Tests of checkpoints: when they are saved, what is kept, and what is loaded."""

import os
import pathlib
import signal
import tempfile
import types
from unittest import mock

import keras
import numpy as np
from absl.testing import parameterized

from elastic_tf.training import checkpoints
from elastic_tf.training.checkpoints import (
    RaiseOnDivergence,
    ResumableCheckpoint,
    StopOnSignal,
    checkpoint_files,
    load_checkpoint,
    remove_checkpoints,
    save_checkpoint,
)
from elastic_tf.training.deep_elastic_network import DeepElasticNetwork
from tests import testing


def on_step(function):
    """Returns a callback that calls `function(step)` at the end of every step, from 0 on."""
    return keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: function(batch))


class _Fitting(testing.TestCase):
    def setUp(self):
        super().setUp()
        folder = self.enter_context(tempfile.TemporaryDirectory())
        self.path = pathlib.Path(folder) / "checkpoint.keras"
        self.previous = self.path.with_name("checkpoint.previous.keras")
        self.model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        self.model.compile("sgd", "mse", run_eagerly=True)
        self.model.step = types.SimpleNamespace(numpy=lambda: 8)

    def _fit(self, *callbacks):
        """Takes five steps."""
        data = np.ones((5, 2)), np.ones((5, 1))
        self.model.fit(*data, batch_size=1, callbacks=list(callbacks), verbose=0)

    def _saved(self, path):
        return keras.saving.load_model(path).get_weights()[0]


class CheckpointTest(_Fitting):
    def test_it_saves_every_so_many_steps_and_at_the_end_and_keeps_two(self):
        found, kernels = [], []
        spy = on_step(lambda step: found.append(len(checkpoint_files(self.path))))
        look = on_step(lambda step: kernels.append(self.model.get_weights()[0]))
        self._fit(look, ResumableCheckpoint(self.path, every_steps=2), spy)
        self.assertEqual(found, [0, 1, 1, 2, 2])
        self.assertEqual(checkpoint_files(self.path), [self.path, self.previous])
        self.assertAllEqual(self._saved(self.path), kernels[4])
        self.assertAllEqual(self._saved(self.previous), kernels[3])
        self.assertNotAllEqual(kernels[4], kernels[3])

    def test_where_nothing_has_trained_since_it_does_not_save_again(self):
        with mock.patch.object(checkpoints, "save_checkpoint") as save:
            self._fit(ResumableCheckpoint(self.path, every_steps=5))
        save.assert_called_once()

    def test_it_saves_every_so_many_minutes(self):
        clock, found = [0.0], []
        self.enter_context(mock.patch.object(checkpoints.time, "monotonic", lambda: clock[0]))
        saves = ResumableCheckpoint(self.path, every_steps=99, every_minutes=2)
        with mock.patch.object(saves, "save", side_effect=saves.save) as save:
            look = on_step(lambda step: found.append(save.call_count))
            tick = on_step(lambda step: clock.__setitem__(0, clock[0] + 61))
            self._fit(tick, saves, look)
        self.assertEqual(found, [0, 1, 1, 2, 2])

    def test_a_failed_save_leaves_the_old_files(self):
        self._fit(ResumableCheckpoint(self.path, every_steps=3))
        before = [path.read_bytes() for path in (self.path, self.previous)]

        def broken(path):
            pathlib.Path(path).write_bytes(b"half a")
            raise OSError("disk full")

        self.model.save = broken
        with self.assertRaisesRegex(OSError, "disk full"):
            self._fit(ResumableCheckpoint(self.path, every_steps=2))
        self.assertEqual([path.read_bytes() for path in (self.path, self.previous)], before)
        self.assertLen(list(self.path.parent.iterdir()), 2)

    def test_it_is_on_the_disk_before_it_takes_the_place_of_the_last(self):
        events = []
        replace, flush = os.replace, os.fsync

        def flushed(descriptor):
            events.append(os.readlink(f"/proc/self/fd/{descriptor}"))
            flush(descriptor)

        def replaced(old, new):
            events.append((str(old), str(new)))
            replace(old, new)

        self._fit(ResumableCheckpoint(self.path, every_steps=9))
        with mock.patch.object(os, "fsync", flushed), mock.patch.object(os, "replace", replaced):
            save_checkpoint(self.model, self.path)
        partial = str(self.path.with_name("checkpoint.partial.keras"))
        last, previous, folder = map(str, (self.path, self.previous, self.path.parent))
        self.assertEqual(events, [partial, (last, previous), (partial, last), folder])

    def test_weights_that_are_no_numbers_never_replace_a_checkpoint(self):
        self._fit(ResumableCheckpoint(self.path, every_steps=9))
        before = self.path.read_bytes()
        kernel = self.model.layers[0].kernel
        # The loss of the last step, before the update, is a number.
        for spoilt in (np.nan, np.inf):
            spoil = on_step(
                lambda step, spoilt=spoilt: kernel.assign([[1.0], [spoilt if step == 4 else 1.0]])
            )
            kernel.assign([[1.0], [1.0]])
            with self.assertRaisesRegex(FloatingPointError, "diverged at step 8.*kernel with 1 of"):
                self._fit(RaiseOnDivergence(), spoil, ResumableCheckpoint(self.path, 5))
            self.assertEqual(self.path.read_bytes(), before)

    @parameterized.product(name=("every_steps", "every_minutes"), value=(-1, True, 0.5))
    def test_bad_intervals_are_refused(self, name, value):
        init_kwargs = {"path": self.path, "every_steps": 1}
        self.run_refusal_test(ResumableCheckpoint, init_kwargs, name, value)


class LoadCheckpointTest(_Fitting):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.network = DeepElasticNetwork(testing.TASKS, backbone="wrn-8-1")

    def _save(self, *steps):
        for step in steps:
            self.network.step.assign(step)
            save_checkpoint(self.network, self.path)

    def _load(self):
        network, path, fault = load_checkpoint(self.path)
        return int(network.step.numpy()), path.name, fault

    def test_the_last_is_loaded(self):
        self._save(3, 4, 5)
        self.assertEqual(self._load(), (5, self.path.name, None))

    @parameterized.parameters(0, 1, 0.5, 0.999)
    def test_where_the_last_is_damaged_it_is_the_one_before(self, share):
        self._save(3, 4)
        whole = self.path.read_bytes()
        self.path.write_bytes(whole[: int(share * len(whole))] if share != 1 else b"\0" * 999)
        step, name, fault = self._load()
        self.assertEqual((step, name), (3, self.previous.name))
        self.assertRegex(fault, f"^{self.path} must be a DeepElasticNetwork .* Received: ")
        # The one that is whole is not lost to the damaged one when the next is saved.
        self.assertFalse(self.path.exists())
        self.assertTrue(self.path.with_stem(f"{self.path.stem}.damaged").exists())
        self._save(5)
        self.path.write_bytes(b"no zip")
        self.assertEqual(self._load()[:2], (3, self.previous.name))

    def test_all_of_a_training_are_removed_and_nothing_else(self):
        self._save(3, 4)
        mine = self.path.with_name("checkpoint_mine.keras")
        for path in (mine, self.path):
            path.write_bytes(b"no zip")
        self._load()
        self._save(5)
        remove_checkpoints(self.path)
        self.assertEqual(list(self.path.parent.iterdir()), [mine])

    def test_a_kill_between_the_two_names_loses_nothing(self):
        self._save(3)
        self.path.rename(self.previous)
        self.assertEqual(self._load(), (3, self.previous.name, None))

    def test_where_both_are_damaged_or_gone_that_is_an_error(self):
        with self.assertRaisesRegex(FileNotFoundError, "`path` must .*Received: path="):
            self._load()
        self.path.write_bytes(b"no zip")
        self.previous.write_bytes(b"none either")
        with self.assertRaisesRegex(ValueError, f"^{self.path} must be"):
            self._load()


class StopOnSignalTest(_Fitting):
    @parameterized.parameters((signal.SIGINT, 130), (signal.SIGTERM, 143))
    def test_the_step_at_hand_is_saved_and_the_status_is_a_shells(self, number, status):
        saves, kernels = ResumableCheckpoint(self.path, every_steps=9), []
        stops = StopOnSignal(saves)
        before = signal.getsignal(number)

        def step_ends(step):
            kernels.append(self.model.get_weights()[0])
            if step == 2:
                signal.raise_signal(number)

        with self.assertRaises(SystemExit) as raised, stops:
            self._fit(on_step(step_ends), saves, stops)
        self.assertEqual(raised.exception.code, status)
        self.assertLen(kernels, 3)
        self.assertAllEqual(self._saved(self.path), kernels[2])
        self.assertIs(signal.getsignal(number), before)

    def test_in_validation_too(self):
        saves = ResumableCheckpoint(self.path, every_steps=9)
        with self.assertRaises(SystemExit) as raised, StopOnSignal(saves) as stops:
            saves.set_model(self.model)
            saves.on_train_batch_end(0)
            signal.raise_signal(signal.SIGTERM)
            stops.set_model(self.model)
            stops.on_test_batch_end(0)
        self.assertEqual(raised.exception.code, 143)
        self.assertTrue(self.path.exists())

    def test_one_that_comes_after_the_last_step_is_not_lost(self):
        heard = []
        before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
        self.addCleanup(signal.signal, signal.SIGTERM, before)
        with StopOnSignal(ResumableCheckpoint(self.path, every_steps=9)):
            signal.raise_signal(signal.SIGTERM)
            self.assertEmpty(heard)
        self.assertEqual(heard, [signal.SIGTERM])

    def test_a_second_one_does_not_wait(self):
        with self.assertRaises(SystemExit) as raised, StopOnSignal(None):
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGINT)
        self.assertEqual(raised.exception.code, 130)


class RaiseOnDivergenceTest(testing.TestCase):
    def _callback(self, **attributes):
        callback = RaiseOnDivergence()
        step = keras.Variable(7, dtype="int64", trainable=False)
        callback.set_model(types.SimpleNamespace(step=step, **attributes))
        return callback

    @parameterized.parameters(float("nan"), float("inf"))
    def test_what_is_no_number_is_named(self, value):
        callback = self._callback()
        callback.on_train_batch_end(0, {"birds_loss": 1.5, "birds_accuracy": 0.0})
        with self.assertRaisesRegex(FloatingPointError, f"step 7.*Received: birds_loss={value}"):
            callback.on_train_batch_end(0, {"birds_loss": value})

    def test_a_weight_that_is_none_is_named_at_the_end(self):
        kernel = keras.Variable([1.0, float("inf")], name="kernel")
        with self.assertRaisesRegex(FloatingPointError, "step 7.*finite.*kernel with 1 of 2"):
            self._callback(weights=[kernel]).on_train_end()
