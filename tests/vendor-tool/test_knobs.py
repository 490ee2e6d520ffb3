"""Every knob, at its default and at each alternative, has the effect that its case says; none is without a case."""

import unittest

import cases_files
import cases_run
from knob_cases import CASES
from standin.knobs import KNOBS, TABLE
from world import World


class Knobs(unittest.TestCase):
    def test_the_table_is_complete(self):
        self.assertEqual(len(TABLE), len(KNOBS))
        self.assertEqual(set(CASES), set(KNOBS))
        self.assertTrue(cases_run and cases_files)

    def test_every_value_is_seen_and_no_two_look_alike(self):
        for knob in TABLE:
            seen = CASES[knob.name].seen
            self.assertEqual(list(map(repr, seen)), list(map(repr, knob.values)), knob.name)
            looks = [repr(look) for look in seen.values()]
            self.assertEqual(len(set(looks)), len(looks), knob.name)
            self.assertTrue(knob.alternatives and knob.section and knob.asks.endswith("?"), knob.name)


def effect(name):
    """A test of one knob, on a fresh world for each of its values."""

    def test(self):
        case, knob = CASES[name], KNOBS[name]
        for value in knob.values:
            world = World(**case.world)
            try:
                with self.subTest(value=value):
                    self.assertEqual(case.act(world, {name: value}), case.seen[value])
            finally:
                world.close()

    return test


for known in CASES:
    setattr(Knobs, f"test_{known}", effect(known))


if __name__ == "__main__":
    unittest.main()
