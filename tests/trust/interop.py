#!/usr/bin/env python3
"""Envelopes, statements and keys between pitstop, openssl, securesystemslib and in-toto, each way."""

import base64
import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf import json_format
from in_toto.models.metadata import Envelope as InTotoEnvelope
from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, SSlibKey

PITSTOP = os.environ["PITSTOP"]
IN_TOTO = "application/vnd.in-toto+json"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
VULNS = "https://in-toto.io/attestation/vulns/v0.1"
PRODUCT = """\
name: lab
title: Laboratory server
detect: [{file: VERSION}]
level: {parts: [{file: VERSION, regex: '^([0-9.]+)'}]}
ownership: [{class: config, paths: ['conf/**']}, {class: vendor, paths: ['VERSION', 'lib/**']}]
disk: {factor: 1.0, extra_bytes: 0}
"""
TRUST = """\
version: 1
roles:
  approval: {threshold: 2, keys: [openssl.pem, python.pem]}
  evidence: {staging: {keys: [python.pem]}, scan: {keys: [python.pem]}}
"""


class Host:
    """An instance with a release to go to, a key that openssl made and one that Python made."""

    def __init__(self, folder):
        self.folder = folder
        for level, where in (("1.0.0", "home"), ("1.0.0", "packs/1.0.0"), ("1.1.0", "packs/1.1.0")):
            self.write(f"{where}/VERSION", level + "\n")
            self.write(f"{where}/lib/core.jar", level)
            self.write(f"{where}/conf/server.conf", "port = 1\n")
        self.write("products/lab/product.yaml", PRODUCT)
        self.write("config/pitstop.yaml", f"products: {folder}/products\nenvironment: staging\n")
        self.write("config/instances.d/lab.yaml", f"name: lab\nproduct: lab\nhome: {folder}/home\nsource: {folder}/packs\n")
        self.run("adopt", "lab", "--pristine", folder / "packs")
        self.python = Ed25519PrivateKey.generate()
        public = self.python.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.write("config/trust/python.pem", public.decode())
        self.write("config/trust/trust.yaml", TRUST)
        self.key = folder / "openssl.key"
        self.shell(f"umask 077; openssl genpkey -algorithm ed25519 -out {self.key}")
        self.shell(f"openssl pkey -in {self.key} -pubout -out {folder}/config/trust/openssl.pem")
        plan = self.run("update", "lab", "--dry-run")["plan"]
        self.tree = plan["to"]["tree"]

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)
        return path

    def shell(self, line):
        subprocess.run(["sh", "-ec", line], check=True, capture_output=True)

    def run(self, *args, code=0):
        command = [PITSTOP, "--config-dir", self.folder / "config", "--state-dir", self.folder / "state", *args]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return json.loads(done.stdout)

    def public(self, name):
        """A public key as securesystemslib knows it, under the name that pitstop gives it."""
        pem = (self.folder / "config/trust" / name).read_bytes()
        key = serialization.load_pem_public_key(pem)
        der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        digest = subprocess.run(["sha256sum"], input=der, capture_output=True, check=True).stdout[:64].decode()
        return SSlibKey.from_crypto(key, keyid=digest)

    def sign(self, name, predicate_type, predicate, payload_type=IN_TOTO):
        """Signs with the key that Python made, under the name that securesystemslib gives it, and ships it to the host."""
        subject = ResourceDescriptor(name="lab-1.1.0", digest={"sha256": self.tree}).pb
        statement = Statement([subject], predicate_type, predicate)
        statement.validate()
        payload = json_format.MessageToJson(statement.pb).encode()
        envelope = Envelope(payload, payload_type, {})
        envelope.sign(CryptoSigner(self.python))
        return self.write(f"config/evidence.d/{name}.json", json.dumps(envelope.to_dict()))

    def demand(self, text):
        self.write("config/policy.yaml", f"default: {text}\n")


def test_result(**pitstop):
    told = {
        "environment": "staging", "host": "h1", "instance": "lab", "at": "2026-01-01T00:00:00Z", "product": "lab",
        "level": "1.1.0", "agent": "0.1.0", "suites": [],
    }
    return {"result": "PASSED", "configuration": [{"name": "c"}], "passedTests": ["a"], "pitstop": {**told, **pitstop}}


class Interop(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.host = Host(Path(scratch.name))

    def evidence(self, code=0):
        out = self.host.folder / "evidence.json"
        self.host.run("verify", "lab", "--evidence", out, "--sign", self.host.key, "--suite", "smoke=true", code=code)
        return out

    def test_python_verifies_what_pitstop_signs_with_a_key_of_openssl(self):
        written = json.loads(self.evidence().read_text())
        envelope = Envelope.from_dict(json.loads(json.dumps(written)))
        key = self.host.public("openssl.pem")
        self.assertEqual(list(envelope.verify([key], 1)), [key.keyid])
        InTotoEnvelope.from_dict(json.loads(json.dumps(written))).verify_signature({"keyid": key.keyid, **key.to_dict()})
        with self.assertRaises(VerificationError):
            envelope.verify([self.host.public("python.pem")], 1)
        envelope.payload = envelope.payload.replace(b"PASSED", b"FAILED")
        with self.assertRaises(VerificationError):
            envelope.verify([key], 1)

    def test_in_toto_reads_what_pitstop_states(self):
        payload = base64.b64decode(json.loads(self.evidence().read_text())["payload"])
        statement = json.loads(payload)
        parsed = Statement([], "", {})
        json_format.Parse(payload, parsed.pb)
        parsed.validate()
        self.assertEqual(parsed.pb.predicate_type, TEST_RESULT)
        result = json_format.ParseDict(statement["predicate"], test_result_pb2.TestResult(), ignore_unknown_fields=True)
        self.assertEqual(result.result, "PASSED")
        self.assertIn("smoke", result.passed_tests)
        for resource in result.configuration:
            ResourceDescriptor.copy_from_pb(resource).validate()

    def test_openssl_verifies_what_pitstop_signs(self):
        envelope = Envelope.from_dict(json.loads(self.evidence().read_text()))
        (signature,) = envelope.signatures.values()
        folder = self.host.folder
        (folder / "message").write_bytes(envelope.pae())
        (folder / "signature").write_bytes(bytes.fromhex(signature.signature))
        self.host.shell(
            f"cd {folder}; openssl pkeyutl -verify -pubin -inkey config/trust/openssl.pem -rawin -in message -sigfile signature"
        )

    def test_pitstop_believes_evidence_that_python_signed_and_nothing_else(self):
        host = self.host
        host.demand("{evidence: [{environment: staging}]}")
        self.assertEqual(host.run("update", "lab", code=6)["error"]["kind"], "evidence")
        file = host.sign("e", TEST_RESULT, test_result())
        good = file.read_text()
        host.run("update", "lab", "--dry-run")
        lies = {
            "another environment": test_result(environment="dev"),
            "a failure": {**test_result(), "result": "FAILED"},
            "no result": {"configuration": []},
        }
        for lie, predicate in lies.items():
            with self.subTest(lie):
                host.sign("e", TEST_RESULT, predicate)
                self.assertEqual(host.run("update", "lab", code=6)["error"]["kind"], "evidence")
        with self.subTest("another payload type"):
            host.sign("e", TEST_RESULT, test_result(), payload_type="application/json")
            host.run("update", "lab", code=6)
        with self.subTest("another payload"):
            other = json.loads(good)
            other["payload"] = base64.b64encode(base64.b64decode(other["payload"]) + b" ").decode()
            file.write_text(json.dumps(other))
            host.run("update", "lab", code=6)
        file.write_text(good)
        self.assertEqual(host.run("update", "lab")["status"], "updated")

    def test_a_scan_is_read_as_in_toto_has_it(self):
        host = self.host
        host.demand("{scan: {max_severity: medium}}")
        scan = {
            "scanner": {
                "uri": "pkg:example/scanner", "version": "1.2", "db": {"uri": "x", "lastUpdate": "2026-01-01T00:00:00Z"},
                "result": [{"id": "CVE-1", "severity": [{"method": "nvd", "score": "9.8"}], "annotations": [{"a": 1}]}],
            },
            "metadata": {"scanStartedOn": "2026-01-01T00:00:00Z", "scanFinishedOn": "2026-01-01T00:10:00Z"},
        }
        host.sign("scan", VULNS, scan)
        refused = host.run("update", "lab", code=6)
        self.assertEqual(refused["missing"], ["the vulnerability scan has findings above medium: CVE-1 (critical)"])
        scan["scanner"]["result"][0]["severity"][0]["score"] = "Medium"
        host.sign("scan", VULNS, scan)
        self.assertEqual(host.run("update", "lab")["status"], "updated")

    def test_both_sign_one_envelope(self):
        host = self.host
        host.demand("{unsigned: refuse}")
        out = host.folder / "config/evidence.d/glass.json"
        out.parent.mkdir()
        host.run(
            "trust", "approve", host.tree, "--break-glass", "--reason", "it burns", "--expires", "1h", "-o", out, "--sign", host.key
        )
        self.assertEqual(host.run("update", "lab", code=6)["error"]["kind"], "signature")
        envelope = Envelope.from_dict(json.loads(out.read_text()))
        envelope.sign(CryptoSigner(host.python))
        out.write_text(json.dumps(envelope.to_dict()))
        # Whoever signed keeps the name under which they did.
        host.run("trust", "sign", out, "--sign", host.key)
        names = [one["keyid"] for one in json.loads(out.read_text())["signatures"]]
        self.assertEqual(len(names), 2)
        self.assertEqual(host.run("update", "lab")["overridden_by"]["by"], ["openssl", "python"])


if __name__ == "__main__":
    unittest.main()
