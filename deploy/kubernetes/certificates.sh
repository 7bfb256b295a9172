#!/bin/sh
# Makes an authority and the certificates of the agents and of the gateway, in the folder that is named (a new one), and
# prints what puts them into the cluster. For a trial; cert-manager makes the same Secrets and renews them.
set -eu

folder=${1:?the folder to write into}
# Days. Whoever makes them by hand has to think of it.
days=365
# Keys are for whoever makes them, and so are the folders that they stand in.
umask 077
mkdir -p "$folder"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days "$days" -subj "/CN=inferscope" \
    -addext "keyUsage=critical,keyCertSign" -keyout "$folder/ca.key" -out "$folder/ca.crt" 2>/dev/null

for part in inferscope-agent inferscope-gateway; do
    mkdir -p "$folder/$part"
    # The name by which the other side knows it: the gateway's is asked for by agents, the agent's is listed at the gateway.
    printf 'subjectAltName=DNS:%s\nextendedKeyUsage=serverAuth,clientAuth\n' "$part" >"$folder/$part/extensions"
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$part" \
        -keyout "$folder/$part/tls.key" -out "$folder/$part/request" 2>/dev/null
    openssl x509 -req -in "$folder/$part/request" -CA "$folder/ca.crt" -CAkey "$folder/ca.key" -CAcreateserial \
        -days "$days" -extfile "$folder/$part/extensions" -out "$folder/$part/tls.crt" 2>/dev/null
    cp "$folder/ca.crt" "$folder/$part/ca.crt"
    rm "$folder/$part/request" "$folder/$part/extensions"
    echo "kubectl -n inferscope create secret generic ${part}-tls --from-file=$folder/$part"
done
