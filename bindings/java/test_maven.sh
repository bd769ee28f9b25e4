#!/bin/sh
# The package as Maven's users get it: test_maven.sh DIRECTORY, as test.sh. Built with the library in it, installed into a
# local repository, and used by a project that depends on nothing else, without any path to this tree.
#
# What Maven needs comes from Maven Central or, where that cannot be reached, from Debian's packages, unpacked. All of it
# lies in target/maven.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
directory=$1
library=${LENS_LIBRARY_DIR:-$root/target/release}/liblesionlens.so
maven=$root/target/maven
build=$root/target/java/maven
version=$(sed -n 's/^  <version>\(.*\)<\/version>$/\1/p' "$root/bindings/java/pom.xml")

left_out() { echo "left out: the Maven package of bindings/java ($*)"; exit 0; }

command -v mvn >/dev/null || left_out "no Maven"

rm -rf "$build"
mkdir -p "$build/viewer/src/main/java" "$maven"
sh "$root/bindings/package.sh" java "$library" "$build/package"
awk '/^```java$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$root/bindings/java/README.md" \
    >"$build/viewer/src/main/java/Viewer.java"
cat >"$build/viewer/pom.xml" <<XML
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>viewer</groupId>
  <artifactId>viewer</artifactId>
  <version>1</version>
  <properties>
    <maven.compiler.release>17</maven.compiler.release>
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
    <maven-compiler-plugin.version>3.10.1</maven-compiler-plugin.version>
    <maven-jar-plugin.version>3.3.0</maven-jar-plugin.version>
  </properties>
  <dependencies>
    <dependency>
      <groupId>org.lesionlens</groupId>
      <artifactId>lesionlens</artifactId>
      <version>$version</version>
    </dependency>
  </dependencies>
  <build>
    <plugins>
      <plugin>
        <artifactId>maven-compiler-plugin</artifactId>
        <version>\${maven-compiler-plugin.version}</version>
      </plugin>
      <plugin>
        <artifactId>maven-jar-plugin</artifactId>
        <version>\${maven-jar-plugin.version}</version>
        <configuration>
          <archive>
            <manifest>
              <mainClass>Viewer</mainClass>
              <addClasspath>true</addClasspath>
              <classpathPrefix>$maven/repository/</classpathPrefix>
              <classpathLayoutType>repository</classpathLayoutType>
            </manifest>
          </archive>
        </configuration>
      </plugin>
    </plugins>
  </build>
</project>
XML

export LC_ALL=C.UTF-8 MAVEN_OPTS="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
options=
run_maven() { # DIRECTORY GOAL
    # shellcheck disable=SC2086
    (cd "$build/$1" && timeout 300 mvn -B -q $options -Dmaven.repo.local="$maven/repository" "$2") >"$build/log" 2>&1
}
use_debian() {
    sh "$root/tools/debian_maven.sh" "$maven/debian" >"$build/debian.log" 2>&1 &&
        options="-o -s $maven/debian/settings.xml -Daether.offline.protocols=file"
}
[ ! -f "$maven/debian/settings.xml" ] || use_debian
if ! run_maven package install; then
    if [ -n "$options" ] || ! grep -qE 'Could not transfer|Unknown host|UnknownHost|timed out' "$build/log"; then
        cat "$build/log"
        exit 1
    fi
    use_debian || left_out "Maven Central cannot be reached; $(tail -n 1 "$build/debian.log")"
    if ! run_maven package install; then
        ! grep -qE 'could not be resolved|Could not find artifact' "$build/log" ||
            left_out "Maven Central cannot be reached, and Debian's packages have other versions than the project asks for"
        cat "$build/log"
        exit 1
    fi
fi
[ -z "$options" ] || echo "Maven's plugins and JNA are Debian's, for want of Maven Central"
run_maven viewer package || { cat "$build/log"; exit 1; }

installed=$maven/repository/org/lesionlens/lesionlens/$version/lesionlens-$version
for file in "$installed.jar" "$installed-sources.jar" "$installed-javadoc.jar" "$installed.pom"; do
    [ -s "$file" ] || { echo "mvn install left no $file" >&2; exit 1; }
done
cp "$directory/gray8.png" "$build/viewer/frame.png"
cp "$directory/model.safetensors" "$build/viewer/"
# Debian has the half of JNA that is in C in a package of its own.
natives=$(find "$maven/debian/usr/lib" -name libjnidispatch.so 2>/dev/null | head -n 1)
(cd "$build/viewer" && env -u LESIONLENS_LIBRARY java -XX:TieredStopAtLevel=1 -Djava.awt.headless=true \
    -Djna.tmpdir="$build" ${natives:+-Djna.boot.library.path="$(dirname "$natives")"} -jar target/viewer-1.jar) |
    grep -qE '^probability 0\.[0-9]+$'
[ -s "$build/viewer/overlay.png" ] || { echo "the project's program wrote no overlay.png" >&2; exit 1; }
echo "a Maven project with nothing but the installed package runs README.md's program ... ok"
