#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""A certification authority in one process, since each program start is slow under emulation.

    pki.py FOLDER NAME[,key=KIND][,issuer=NAME][,san=DNS-NAME][,ca][,days=FROM:UNTIL][,ocsp=URL][,crl=URL] ...

makes FOLDER/NAME.pem, NAME.key (mode 0600) and NAME.pub for each, in this order. KIND is rsa,
ec256 (default), ec384, ec521, ed25519 or ed448; without an issuer it is self-signed.
"""
import datetime
import os
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, ed448, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

KEYS = {
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "ec256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ec384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ec521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "ed448": ed448.Ed448PrivateKey.generate,
}
PEM = serialization.Encoding.PEM


def subject(name):
    return x509.Name([
        x509.NameAttribute(NameOID.COUNTRY_NAME, "XX"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test"),
        x509.NameAttribute(NameOID.COMMON_NAME, name),
    ])


def certificate(name, key, words, issuer, issuer_key):
    now = datetime.datetime.utcnow()
    first, last = (float(d) for d in words.get("days", "-1:30").split(":"))
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject(name)).issuer_name(subject(issuer))
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=first))
        .not_valid_after(now + datetime.timedelta(days=last))
        .add_extension(x509.BasicConstraints("ca" in words, None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
                       critical=False)
    )
    if "san" in words:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(words["san"])]), critical=False)
    if "ocsp" in words:
        builder = builder.add_extension(x509.AuthorityInformationAccess([x509.AccessDescription(
            AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(words["ocsp"]))]),
            critical=False)
    if "crl" in words:
        builder = builder.add_extension(x509.CRLDistributionPoints([x509.DistributionPoint(
            [x509.UniformResourceIdentifier(words["crl"])], None, None, None)]), critical=False)
    own_hash = isinstance(issuer_key, (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey))
    return builder.sign(issuer_key, None if own_hash else hashes.SHA256())


def write(path, data, mode):
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as f:
        f.write(data)


def main():
    folder, keys = sys.argv[1], {}
    os.makedirs(folder, exist_ok=True)
    for spec in sys.argv[2:]:
        name, *rest = spec.split(",")
        words = dict(w.partition("=")[::2] for w in rest)
        key = keys[name] = KEYS[words.get("key", "ec256")]()
        issuer = words.get("issuer", name)
        base = os.path.join(folder, name)
        write(base + ".key", key.private_bytes(
            PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()), 0o600)
        write(base + ".pub", key.public_key().public_bytes(
            PEM, serialization.PublicFormat.SubjectPublicKeyInfo), 0o644)
        write(base + ".pem",
              certificate(name, key, words, issuer, keys[issuer]).public_bytes(PEM), 0o644)


if __name__ == "__main__":
    main()
