"""The words that tell what a number is, or that stand between such a word and its number; in lower case, folded."""

from orderguard.masking.view import fold

CODE_LABELS = frozenset(fold("""
    order orders ord tracking track shipment shipments parcel parcels package packages consignment waybill waybills awb
    invoice invoices sku skus ean eans gtin upc isbn issn asin mpn hts item items article articles product products
    part parts serial batch lot ticket tickets case reference references ref refs rma po voucher
    vouchers coupon coupons barcode barcodes bar catalogue catalog colour color size imei code codes container pallet
    sscc model version ver rev revision firmware bios build release receipt transaction booking job
    position pos positions drawing warehouse bin shelf docket manifest licence plate vin sn sizes grit
    pcs pc stk pieces pack packs key keys
    checksum crc hash timestamp epoch offset length bytes pid tid uptime row rows

    bestell bestellung bestellungen auftrag auftrage sendung sendungen sendungsverfolgung paket pakete rechnung
    rechnungen artikel art serien seriennr lieferschein gutschein charge chargen vorgang vorgange retoure retouren
    angebot beleg produkt teil teile ersatzteil buchung ausgabe groesse grosse grossen farbe zeichnung

    commande commandes colis suivi facture factures lot serie produit produits expedition bon devis dossier recu
    taille tailles couleur

    pedido pedidos seguimiento rastreo factura facturas articulo articulos albaran paquete paquetes referencia
    producto productos lote talla tallas codigo recibo presupuesto encomenda encomendas rastreio rastreamento fatura
    faturas artigo artigos produto produtos guia codigos recibo orcamento

    ordine ordini spedizione tracciamento fattura fatture articolo articoli pacco pacchi prodotto prodotti riferimento
    codice codici lotto ricevuta preventivo taglia taglie

    bestel bestelling bestellingen zending zendingen pakket pakketten factuur facturen artikelen volg tracktrace
    kassabon offerte maat retour

    zamowienie zamowienia zamowieniu przesylka przesylki paczka paczki faktura faktury produktu artykul artykulu
    sledzenia seryjny partia kod zwrot

    bestallning bestallningen fakturan sparnings kolli forsandelse paketet artikeln kvitto ordre pakke forsendelse
    varenummer vare tilaus tilauksen tilausnumero lahetys lasku seuranta viite

    objednavka objednavky objednavce zasilka zasilky zbozi vyrobek doklad uctenka rendeles csomag szamla termek
    comanda colet factura produs siparis kargo fatura urun заказ заказа посылка посылки счет артикул накладная
    замовлення παραγγελια 注文 订单 訂單 주문
    """).split())
"""What has a number of its own: right before a number these name it."""

SURROUNDINGS = frozenset(fold("""
    delivery deliveries shipping driver courier carrier ups dhl usps fedex dpd gls hermes evri postnl colissimo
    chronopost correos inpost bring posti tnt yodel
    lieferung lieferungen versand zustellung fahrer liefer zusteller best rg ab
    livraison livraisons envoi chauffeur livreur envio envios entrega entregas reparto repartidor consegna consegne
    corriere autista levering bezorging bezorger chauffeur dostawa dostawy kurier leverans leveransen leverering
    doruceni dodani kuryr ridic kiszallitas livrare teslimat доставка доставки
    return returns quote claim work
    """).split())
"""What is spoken of around numbers of every kind and names one only where "number" stands with it."""

ACCOUNTS = frozenset("""
    card karte carte tarjeta cartao carta kaart karta kort account konto compte cuenta conta conto rekening iban bank
    """.split())
"""What has numbers that other recognisers look for."""

VERSION_WORDS = frozenset(fold("""
    version versions ver v vers rev revision firmware driver drivers bios build builds release releases releasenotes
    update updates updated upgrade upgraded upgrading downgrade downgraded agent patch hotfix
    plugin plugins addon module modul app apps library theme extension erweiterung programm program programme
    chapter section kapitel abschnitt paragraph clause figure annex chapitre capitulo capitolo hoofdstuk rozdzial
    changelog software sdk api kernel model treiber aktualisierung stand versione versao wersja verze
    verzio pilote logiciel mise controlador actualizacion aggiornamento
    """).split())

NUMBER_NOUNS = frozenset(fold("""
    no nos nr nrs num nums number numbers numero numeros nummer nummern nro n id ids numer numery numeru cislo cisla
    szam numar numarul numret numara numarasi номер № αριθμος
    """).split())

SUFFIXES = tuple(fold("""
    nummern nummer nummers numret numero numbers number nro num nrs nr nos no ids id szama szam szamla codes code kod
    """).split())
"""How the same is written in one word with the label: Bestellnummer, trackingid."""

PREPOSITIONS = frozenset(fold("""
    for about regarding concerning of on
    fur fuer wegen zu zur zum bezuglich betreffend von der des bei
    pour de du des concernant au
    para por del de da do dos das sobre
    per di della dell dello del
    voor over van
    dla do od na
    for till om av til
    pro o k ke na
    для по про
    """).split())
"""What a number is *for* follows these."""

COPULAS = frozenset(fold("is are was ist sind war lautet est sont es son e sono jest zijn ar er je on este").split())

CONJUNCTIONS = frozenset(fold("and or und oder et ou y e o ed en of i oraz och eller a nebo og ja és и").split())

FILLERS = frozenset(fold("""
    the my our your a an this that its new old
    der die das dem den mein meine meiner meinem unser ihr ihre dein ein eine neue alte lautet
    le la les l mon ma mes notre votre un une d
    el los las mi mis su sus un una nuestro
    il lo gli i mio mia la suo un una
    het de een mijn onze uw
    moj moja moje mojego nowy
    min mitt mina den det ett en
    muj moje muj tento
    are was mit with och
    """).split()) | CONJUNCTIONS
