#!/bin/sh
# STAND-IN for WSO2 Streaming Integrator: hands over to the runtime's own script, as the product's does.
home=$(cd "$(dirname "$0")/.." && pwd)
exec sh "$home/wso2/server/bin/carbon.sh" "$@"
