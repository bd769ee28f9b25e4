#!/bin/sh
# debian_maven.sh DIRECTORY: the plugins of an ordinary Maven build, and JNA, from Debian's packages, unpacked into
# DIRECTORY for machines that cannot reach Maven Central. `mvn -o -s DIRECTORY/settings.xml
# -Daether.offline.protocols=file` uses them, in the versions that Debian has.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
directory=$1
plugins="resources compiler surefire jar source javadoc install"
packages="libjna-java libjna-jni libsurefire-java"
for plugin in $plugins; do
    [ "$plugin" = surefire ] || packages="$packages libmaven-$plugin-plugin-java"
done
# shellcheck disable=SC2086
sh "$here/unpack_debian.sh" "$directory" $packages
directory=$(cd "$directory" && pwd)
unpacked=$directory/usr/share/maven-repo

{
    echo "<settings>"
    echo "<mirrors><mirror><id>installed</id><mirrorOf>central</mirrorOf>" \
        "<url>file:///usr/share/maven-repo</url></mirror></mirrors>"
    echo "<profiles><profile><id>unpacked</id>"
    echo "<repositories><repository><id>unpacked</id><url>file://$unpacked</url></repository></repositories>"
    echo "<pluginRepositories><pluginRepository><id>unpacked</id><url>file://$unpacked</url></pluginRepository>" \
        "</pluginRepositories>"
    echo "<properties>"
    for plugin in $plugins; do
        # Older numbers are Debian's names for the same version.
        version=$(find "$unpacked/org/apache/maven/plugins/maven-$plugin-plugin" -mindepth 1 -maxdepth 1 -name '[0-9]*' \
            -printf '%f\n' | sort -V | tail -n 1)
        echo "<maven-$plugin-plugin.version>$version</maven-$plugin-plugin.version>"
    done
    echo "</properties></profile></profiles>"
    echo "<activeProfiles><activeProfile>unpacked</activeProfile></activeProfiles>"
    echo "</settings>"
} >"$directory/settings.xml"
