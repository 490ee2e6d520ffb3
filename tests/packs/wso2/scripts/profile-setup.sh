#!/bin/sh
# STAND-IN for the script that optimises a node for one profile: behaves like it as far as that is public, and shares no
# line with it.
cd "$(dirname "$0")/.." || exit 1
templates=repository/resources/conf/templates/repository/conf/axis2
webapps=repository/deployment/server/webapps

profile='' keep_settings=no
for argument in "$@"; do
  case $argument in
    -Dprofile=*) profile=${argument#-Dprofile=} ;;
    --skipConfigOptimization) keep_settings=yes ;;
  esac
done
case $profile in
  control-plane | gateway-worker | traffic-manager) ;;
  *)
    echo "Profile is not specified properly, please try again"
    exit 0
    ;;
esac
# A test's way to make it fail.
[ ! -e profile-setup-fails ] || { echo "no space left" >&2; exit 1; }

if [ $keep_settings = no ]; then
  mv repository/conf/deployment.toml repository/conf/deployment.toml.backup
  echo "# $profile" >repository/conf/deployment.toml
fi
mv "$templates/axis2.xml.j2" "$templates/axis2.xml.j2.backup"
cp "$templates/axis2_$profile.xml.j2" "$templates/axis2.xml.j2"
for one in "$webapps"/*; do
  case $profile:${one##*/} in
    control-plane:api#am#gateway#v2*) rm -rf "$one" ;;
    control-plane:* | gateway-worker:api#am#gateway#v2* | traffic-manager:internal#data#v*) ;;
    *) rm -rf "$one" ;;
  esac
done
echo "Starting to optimize the server for the $profile profile"
