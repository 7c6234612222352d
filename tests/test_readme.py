"""README.md: its table of departures says what the settings say, and what it names is there."""

import dataclasses
import pathlib
import re

from elastic_tf_tools.training_settings import SETTINGS, flag_name

import tensorflow as tf

from elastic_tf.files import markdown_table

ROOT = pathlib.Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def departures():
    """Returns the table of all settings that differ from the paper's, Markdown."""
    rows = [
        [f"`--{flag_name(field)}`", str(field.metadata["paper"]), str(field.default)]
        for cls in SETTINGS.values()
        for field in dataclasses.fields(cls)
        if field.metadata.get("paper", field.default) != field.default
    ]
    return markdown_table(["setting", "the paper", "here"], rows)


class ReadmeTest(tf.test.TestCase):
    def test_the_table_of_departures_is_that_of_the_settings(self):
        found = re.search(r"<!-- departures -->\n(.*?)\n<!-- /departures -->", README, re.DOTALL)
        self.assertEqual(found[1], departures())

    def test_it_is_read_in_two_minutes(self):
        self.assertLessEqual(len(README.splitlines()), 150)

    def test_files_that_documents_link_to_are_there(self):
        for document in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
            for link in re.findall(r"\]\(([\w./-]+)\)", document.read_text(encoding="utf-8")):
                self.assertTrue((document.parent / link).exists(), f"{document}: {link}")
