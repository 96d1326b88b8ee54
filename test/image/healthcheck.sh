#!/bin/sh
# Stands in for the program of this name in upstream's images: Kuma's web server answers.
exec node -e "
const { UPTIME_KUMA_HOST: host = '127.0.0.1', UPTIME_KUMA_PORT: port = '3001' } = process.env;
fetch('http://' + host + ':' + port).then(
	({ status }) => console.log('Health Check OK [Res Code: ' + status + ']'),
	(error) => {
		console.error(String(error.cause ?? error));
		process.exitCode = 1;
	},
);"
