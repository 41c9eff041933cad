#!/bin/sh
# The command of docker-compose.yml's broker: at the first start it formats the storage, which makes the user `segue`,
# whose password is the secret's; then it becomes the broker. A later change of the secret alone changes no user.
set -eu
umask 077
if [ ! -f /var/lib/kafka/data/meta.properties ]; then
  # A command line can be read by every process of the machine, hence a file that the tool reads its options from.
  options=$(mktemp)
  trap 'rm -f "$options"' EXIT
  printf '%s\n' format --config /etc/segue/server.properties --cluster-id "$(/opt/kafka/bin/kafka-storage.sh random-uuid)" \
    --add-scram "SCRAM-SHA-512=[name=segue,password=$(cat /run/secrets/kafka_password)]" > "$options"
  /opt/kafka/bin/kafka-storage.sh "@$options"
  rm "$options"
fi
exec /opt/kafka/bin/kafka-server-start.sh /etc/segue/server.properties
