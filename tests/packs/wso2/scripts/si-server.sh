#!/bin/sh
# STAND-IN for WSO2 Streaming Integrator: hands over to the runtime's own script, as the product's does.
home=$(cd "$(dirname "$0")/.." && pwd)
# By its name, and nobody asks how it ended.
java -Dwso2.carbon.tool=install-jars -Dcarbon.home="$home" >/dev/null 2>&1
exec sh "$home/wso2/server/bin/carbon.sh" "$@"
