"""What differs between the WSO2 products, for the stand-ins: facts from public sources only, see README.md."""

from dataclasses import dataclass, field

CARBON_MAIN = "org.wso2.carbon.bootstrap.Bootstrap"
MI_MAIN = "org.wso2.micro.integrator.bootstrap.Bootstrap"
SI_MAIN = "org.wso2.carbon.launcher.Main"


@dataclass(frozen=True)
class Product:
    """One product at one version."""

    name: str  # as in updates/product.txt
    version: str
    title: str  # as in bin/version.txt
    script: str
    layout: str  # carbon, mi, si or ei
    ports: dict = field(hash=False)  # role → port at offset 0
    main: str = CARBON_MAIN
    profile: str = ""  # pitstop's profile, if it is not the name
    jdk_refused: str = "continue"  # what the script does with an unsupported JDK: continue, exit-0 or exit-1
    diagnostics: bool = False  # whether a second Java process runs beside the server
    profiles: bool = False  # whether a node can be optimised for one of several profiles
    base_level: str = "missing"  # how the pack says that no update was applied: missing, -1, no-key, or a number as it is

    @property
    def key(self):
        return f"{self.name}-{self.version}"

    @property
    def product(self):
        return self.profile or self.name

    @property
    def conf(self):
        return {"carbon": "repository/conf", "mi": "conf", "si": "conf/server", "ei": "conf"}[self.layout]

    @property
    def components(self):
        return {"carbon": "repository/components", "mi": "wso2/components", "ei": "wso2/components"}.get(self.layout)

    @property
    def lib(self):
        return "repository/components/lib" if self.layout == "carbon" else "lib"

    @property
    def dropins(self):
        return "repository/components/dropins" if self.layout == "carbon" else "dropins"

    @property
    def settings(self):
        return {"si": "conf/server/deployment.yaml", "ei": "conf/carbon.xml"}.get(self.layout, f"{self.conf}/deployment.toml")

    @property
    def logging(self):
        return "conf/server/log4j2.xml" if self.layout == "si" else f"{self.conf}/log4j2.properties"

    @property
    def security(self):
        return "resources/security" if self.layout == "si" else "repository/resources/security"

    @property
    def database(self):
        return "wso2/server/database" if self.layout == "si" else "repository/database"

    @property
    def pid_file(self):
        return "wso2/server/runtime.pid" if self.layout == "si" else "wso2carbon.pid"

    @property
    def log(self):
        return "wso2/server/logs/carbon.log" if self.layout == "si" else "repository/logs/wso2carbon.log"

    @property
    def osgi(self):
        """The folder of bundles.info, without the profile's own folder on top of it."""
        if self.layout == "si":
            return "wso2/server/configuration/org.eclipse.equinox.simpleconfigurator"
        folder = "default" if self.layout == "carbon" else "wso2ei-server" if self.layout == "ei" else "default"
        return f"{self.components}/{folder}/configuration/org.eclipse.equinox.simpleconfigurator"


WEB = {"https": 9443, "http": 9763}
GATEWAY = {"gateway-https": 8243, "gateway-http": 8280}
TRAFFIC = {"receiver": 9611, "broker": 5672}
INTEGRATOR = {"gateway-http": 8280, "gateway-https": 8243, "management": 9154, "internal": 9191}  # without the 10

PRODUCTS = {
    product.key: product
    for product in (
        Product("wso2am", "3.2.0", "WSO2 API Manager", "wso2server.sh", "carbon", WEB | GATEWAY | TRAFFIC, profile="wso2am-3",
                profiles=True),
        Product("wso2am", "4.2.0", "WSO2 API Manager", "api-manager.sh", "carbon", WEB | GATEWAY | TRAFFIC, base_level="-1",
                profiles=True),
        Product("wso2am", "4.6.0", "WSO2 API Manager", "api-manager.sh", "carbon", WEB | GATEWAY | TRAFFIC, diagnostics=True),
        Product("wso2am-acp", "4.5.0", "WSO2 API Control Plane", "api-cp.sh", "carbon", WEB, diagnostics=True, base_level="no-key"),
        Product("wso2am-universal-gw", "4.5.0", "WSO2 Universal Gateway", "gateway.sh", "carbon", WEB | GATEWAY, diagnostics=True),
        Product("wso2am-tm", "4.5.0", "WSO2 Traffic Manager", "traffic-manager.sh", "carbon", WEB | TRAFFIC, diagnostics=True),
        Product("wso2is", "5.11.0", "WSO2 Identity Server", "wso2server.sh", "carbon", WEB, base_level="3"),
        Product("wso2is", "7.1.0", "WSO2 Identity Server", "wso2server.sh", "carbon", WEB),
        Product("wso2is", "7.3.0", "WSO2 Identity Server", "wso2server.sh", "carbon", WEB, jdk_refused="exit-1"),
        Product("wso2mi", "1.2.0", "WSO2 Micro Integrator", "micro-integrator.sh", "mi", INTEGRATOR, MI_MAIN, jdk_refused="exit-0"),
        Product("wso2mi", "4.3.0", "WSO2 Micro Integrator", "micro-integrator.sh", "mi", INTEGRATOR, MI_MAIN,
                jdk_refused="exit-0", diagnostics=True, base_level="-1"),
        Product("wso2si", "4.3.0", "WSO2 Streaming Integrator", "server.sh", "si",
                {"https": 9443, "rest": 9090, "store": 7070, "store-https": 7443}, SI_MAIN),
        Product("wso2ei", "6.6.0", "WSO2 Enterprise Integrator", "integrator.sh", "ei", WEB | GATEWAY),
    )
}
