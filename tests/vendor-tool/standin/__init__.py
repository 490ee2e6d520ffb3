"""A stand-in for the vendor's update tool. No licensed tool was at hand: what is unknown is a switch in knobs.py."""
