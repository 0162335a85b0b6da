#!/bin/sh
# A new version, service after service, while the store sells:
#
#   docker compose build && sh deploy/compose/roll.sh            or: docker compose pull --ignore-buildable, with ESTORE_IMAGE
#   sh deploy/compose/roll.sh orders cart                        these alone
#
# As many containers of the new version as there are of the old one are started beside them; when all are healthy, the
# old ones end what is in hand and go. `docker compose up -d` would exchange all at once: while Compose stops the one
# and starts the other nobody answers, and some of its versions recreate PostgreSQL and RabbitMQ besides.
set -eu

[ $# -gt 0 ] || set -- identity vendors catalog cart orders inventory payments ledger reviews search

docker compose run --rm --no-deps -T databases
docker compose run --rm --no-deps -T estore migrate

for service; do
    old=$(docker compose ps -q "$service")
    [ -n "$old" ] || { echo "roll: $service does not run; docker compose up -d --wait starts the store" >&2; exit 1; }
    count=$(echo "$old" | wc -l)
    if ! docker compose up -d --wait --no-deps --no-recreate --scale "$service=$((count * 2))" "$service"; then
        echo "roll: the new $service does not become healthy, and is removed; the old one serves on" >&2
        for container in $(docker compose ps -aq "$service"); do
            case "$old" in *"$container"*) ;; *) docker logs --tail 5 "$container" >&2; docker rm -f "$container" >/dev/null ;; esac
        done
        exit 1
    fi
    # All get the signal at once, and the time that the compose file gives them.
    docker stop -t 80 $old >/dev/null
    docker rm $old >/dev/null
    echo "$service: $count exchanged"
done

# Routes of the new version; connections are kept.
docker compose exec -T gateway nginx -e stderr -c /gateway/nginx.conf -s reload
