# Start the gateway with the better way to the services that this nginx knows; one before 1.27.3 keeps no connection to a name.
for way in kept fresh; do
    ln -sf "/gateway/$way.conf" /tmp/services.conf
    nginx -t -q -e /dev/null -c /gateway/nginx.conf 2>/dev/null && break
done
exec nginx -e stderr -c /gateway/nginx.conf -g 'daemon off;'
