/** Packages of the Java platform, Android and common libraries: prefixes of a frame's module. */
export const JAVA_MODULES = `
  java. javax. jdk. sun. com.sun. jakarta. kotlin. kotlinx. scala. clojure. groovy. org.codehaus.groovy. android.
  androidx. com.android. dalvik. libcore. com.google.android. com.google.firebase. org.springframework. org.apache.
  org.eclipse. org.hibernate. org.jboss. org.wildfly. io.netty. io.undertow. reactor. rx. io.reactivex. okhttp3. okio.
  retrofit2. com.fasterxml. com.zaxxer. org.postgresql. com.mysql. org.mariadb. oracle. com.mongodb. redis.clients.
  io.lettuce. akka. play. io.vertx. org.junit. junit. com.google.common. com.google.inject. io.grpc. org.slf4j. ch.qos.
  org.mockito. net.sf.cglib. javassist. net.bytebuddy. feign. org.glassfish. io.micrometer. io.quarkus. io.micronaut.
  com.amazonaws. software.amazon. com.netflix. org.h2. org.aspectj. com.microsoft.sqlserver. com.rabbitmq.
  com.datastax. org.elasticsearch. co.elastic. org.quartz. io.opentelemetry. com.intellij. cats. zio. monix. slick.
`

/** Lower-case beginnings of the names of libraries that come with an operating system or a language. */
export const NATIVE_MODULES = `
  libsystem libobjc libdispatch libdyld dyld corefoundation foundation uikit uikitcore appkit quartzcore coreanimation
  graphicsservices coregraphics coredata cfnetwork security hitoolbox libswift libc++ libstdc++ libc.so libc- libpthread
  libart libandroid_runtime libbinder libutils linux-gate linux-vdso ld-linux libgcc libm.so libdl ntdll kernel32
  kernelbase user32 win32u gdi32 ucrtbase msvcrt msvcp vcruntime combase rpcrt4 ole32 oleaut32 libgpusupport glengine
  opengl opencl metal winhttp wininet ws2_32 crypt32 libxpc libcoreclr app_process base.odex boot.oat libgl libx11 libxcb
  libglib libgobject libgtk libqt swiftui combine libclang_rt libasan d3d11 dxgi nvoglv atio igd libnvidia geforce appleintel amdradeon amdmtl
`

/** The standard library of Python and common packages, as their frames name them without a folder. */
export const PYTHON_ROOTS = `
  threading.py thread.py queue.py Queue.py socket.py ssl.py select.py selectors.py subprocess.py contextlib.py functools.py
  inspect.py importlib/ asyncio/ concurrent/ multiprocessing/ logging/ json/ urllib/ urllib2.py httplib.py http/ email/
  xml/ unittest/ collections/ encodings/ runpy.py copy.py pickle.py codecs.py tempfile.py shutil.py os.py re.py random.py
  django/ flask/ werkzeug/ jinja2/ celery/ kombu/ billiard/ amqp/ sqlalchemy/ requests/ urllib3/ aiohttp/ httpx/ httpcore/
  starlette/ fastapi/ uvicorn/ gunicorn/ uwsgi/ tornado/ twisted/ gevent/ eventlet/ redis/ psycopg2/ psycopg/ pymysql/
  MySQLdb/ pymongo/ boto3/ botocore/ rest_framework/ pydantic/ numpy/ pandas/ raven/ sentry_sdk/ opentelemetry/ grpc/
  click/ anyio/ rq/ marshmallow/ pika/ elasticsearch/ cassandra/ pyramid/ bottle.py six.py
`
