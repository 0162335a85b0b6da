#!/bin/sh
# Hands what `estore deploy secrets FOLDER` has made to a cluster: one Secret for each workload, and the logins that
# the operators of PostgreSQL and RabbitMQ import, or with `dev` what the two pods of that overlay need. Run it again
# after a rotation; what has not changed stays.
#
#   deploy/kubernetes/secrets.sh FOLDER NAMESPACE [dev]
#
# Values go from file to cluster; none is an argument, which every user of this machine could read.
set -eu
folder=${1:?FOLDER} namespace=${2:?NAMESPACE} overlay=${3:-production}
umask 077

put() {
    kubectl -n "$namespace" create secret generic "$@" --dry-run=client -o yaml |
        kubectl -n "$namespace" apply --server-side -f -
}

# Who reads how long queues are, for KEDA, from its own namespace.
if [ ! -e "$folder/keda/amqp_password" ]; then
    mkdir -p "$folder/keda"
    od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$folder/keda/amqp_password"
fi
printf 'amqp://keda:%s@rabbitmq.%s.svc:5672/estore' "$(cat "$folder/keda/amqp_password")" "$namespace" >"$folder/keda/amqp_url"

for path in "$folder"/*/; do
    name=$(basename "$path")
    case $overlay:$name in
    dev:postgres | dev:databases | dev:rabbitmq) ;;
    dev:keda) continue ;;
    # What is for compose alone has no way to the broker.
    *) [ -e "$path/amqp_url" ] || continue ;;
    esac
    put "estore-$name" --from-file="$path"
    if [ "$overlay" = dev ]; then
        continue
    fi
    if [ -e "$folder/databases/$name" ]; then
        put "estore-$name-postgres" --type=kubernetes.io/basic-auth \
            --from-literal=username="estore_$name" --from-file=password="$folder/databases/$name"
    fi
    if [ -e "$path/amqp_password" ]; then
        put "estore-$name-rabbitmq" --from-literal=username="$name" --from-file=password="$path/amqp_password"
    fi
done
