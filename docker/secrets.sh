#!/bin/sh
# Makes the secrets that docker-compose.yml gives to its services, each once: what is there already stays.
#   secrets/kafka_password, secrets/mongo_password   the logins of user `segue`, 64 hexadecimal digits without a line end
#   secrets/identity_secret   what listeners' ids are kept by in the store; keep a copy: without it nobody is known again
#   secrets/tls.crt, secrets/tls.key                 the server's certificate, signed by itself, for `server` and localhost
# The folder lets nobody but its owner in. The files in it can be read by all, since services run as other users than
# you, and each sees the ones that it is given.
set -eu
cd "$(dirname "$0")/.."
mkdir -p secrets
chmod 700 secrets
for name in identity_secret kafka_password mongo_password; do
  if [ ! -s "secrets/$name" ]; then
    openssl rand -hex 32 | tr -d '\n' > "secrets/$name"
  fi
done
if [ ! -s secrets/tls.key ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 365 -subj /CN=server \
    -addext subjectAltName=DNS:server,DNS:localhost,IP:127.0.0.1 -keyout secrets/tls.key -out secrets/tls.crt
fi
chmod 444 secrets/*
