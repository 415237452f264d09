-- German. What is not here stays English.
return {
  -- every page
  ["You are at"] = "Du bist bei",
  ["Sign in to"] = "Anmelden bei",
  ["Access for"] = "Zugriff für",
  ["Made by"] = "Von",

  -- signing in
  ["Your fingerprint"] = "Dein Fingerprint",
  ["The 32-character secret that you were given when your account was made."] =
    "Das Geheimnis aus 32 Zeichen, das du mit deinem Konto bekommen hast.",
  ["Sign in"] = "Anmelden",
  ["or"] = "oder",
  ["Sign in with a wallet"] = "Mit einer Wallet anmelden",
  ["Sign in with"] = "Anmelden mit",
  ["Which account?"] = "Welches Konto?",
  ["Sign in with this account"] = "Mit diesem Konto anmelden",
  ["A wallet in your browser can sign you in if scripts are switched on. You can also sign with any other wallet:"] =
    "Eine Wallet im Browser kann dich anmelden, wenn Skripte erlaubt sind. Es geht auch mit jeder anderen Wallet:",
  ["No wallet extension was found in this browser. You can sign with any other wallet:"] =
    "In diesem Browser wurde keine Wallet gefunden. Es geht auch mit jeder anderen Wallet:",
  ["Please confirm in your wallet."] = "Bitte bestätige in deiner Wallet.",
  ["Please let your wallet show its accounts to this page."] = "Bitte erlaube deiner Wallet, dieser Seite ihre Konten zu zeigen.",
  ["it shows no sr25519 account to this page"] = "sie zeigt dieser Seite kein Konto mit sr25519",
  ["Signing you in…"] = "Du wirst angemeldet …",
  ["The wallet did not sign:"] = "Die Wallet hat nicht unterschrieben:",
  ["it gave no reason"] = "sie nennt keinen Grund",
  ["Copy"] = "Kopieren",
  ["Copied"] = "Kopiert",
  ["Sign with a wallet on your computer"] = "Mit einer Wallet auf deinem Rechner unterschreiben",
  ["Sign this text with your hotkey. It is good once, for a few minutes."] =
    "Unterschreibe diesen Text mit deinem Hotkey. Er gilt einmal, für ein paar Minuten.",
  ["With the Bittensor command line:"] = "Mit dem Kommando von Bittensor:",
  ["Or with subkey, which asks for your secret phrase:"] = "Oder mit subkey, das nach deinen geheimen Wörtern fragt:",
  ["Your hotkey"] = "Dein Hotkey",
  ["The signature"] = "Die Unterschrift",
  ["Sign in with this signature"] = "Mit dieser Unterschrift anmelden",
  ["Signing in is switched off here at the moment."] = "Die Anmeldung ist hier zurzeit abgeschaltet.",
  ["The app will not see your secret. You decide on the next page what it may do."] =
    "Die App sieht dein Geheimnis nicht. Auf der nächsten Seite entscheidest du, was sie darf.",
  ["This fingerprint is not right."] = "Dieser Fingerprint stimmt nicht.",
  ["The nonce has expired or is not one of ours. Sign a fresh one."] =
    "Der Text ist abgelaufen oder nicht von uns. Unterschreibe einen neuen.",
  ["This nonce has been used already. Sign a fresh one."] = "Dieser Text wurde schon benutzt. Unterschreibe einen neuen.",
  ["The hotkey is not an SS58 address."] = "Der Hotkey ist keine SS58-Adresse.",
  ["The signature does not match this hotkey and nonce."] = "Die Unterschrift passt nicht zu diesem Hotkey und Text.",
  ["This signature is not sr25519. Keys of other types cannot sign in here."] =
    "Diese Unterschrift ist nicht sr25519. Mit anderen Schlüsseln kann man sich hier nicht anmelden.",
  ["No account has this hotkey."] = "Kein Konto hat diesen Hotkey.",

  -- consent
  ["asks for access to your account"] = "möchte auf dein Konto zugreifen",
  ["Take care."] = "Vorsicht.",
  ["optional"] = "freiwillig",
  ["Your account"] = "Dein Konto",
  ["Access goes to"] = "Zugriff geht an",
  ["Access lasts"] = "Zugriff gilt",
  ["Deny"] = "Ablehnen",
  ["Allow"] = "Erlauben",
  ["If you did not start this yourself, choose Deny. The app is called"] =
    "Wenn du das nicht selbst begonnen hast, lehne ab. Die App heißt",
  ["renewed without asking you for up to"] = "ohne Rückfrage verlängert bis zu",
  ["second"] = "Sekunde",
  ["seconds"] = "Sekunden",
  ["minute"] = "Minute",
  ["minutes"] = "Minuten",
  ["hour"] = "Stunde",
  ["hours"] = "Stunden",
  ["day"] = "Tag",
  ["days"] = "Tagen",

  -- a device
  ["Connect a device"] = "Ein Gerät verbinden",
  ["Sign in to connect a device"] = "Melde dich an, um ein Gerät zu verbinden",
  ["The code that your device shows"] = "Der Code, den dein Gerät zeigt",
  ["Compare it with what the device shows. A code that somebody sent you is not for you."] =
    "Vergleiche ihn mit dem, was das Gerät zeigt. Ein Code, den dir jemand geschickt hat, ist nicht für dich.",
  ["Go on only if you started this yourself and a device of yours shows this code right now. If somebody sent you the code or a link, they would get the access."] =
    "Geh nur weiter, wenn du das selbst begonnen hast und ein Gerät von dir jetzt diesen Code zeigt. Hat dir jemand den Code oder einen Link geschickt, dann bekäme diese Person den Zugriff.",
  ["the device that shows"] = "das Gerät mit dem Code",
  ["Done"] = "Fertig",
  ["Denied"] = "Abgelehnt",
  ["Go back to your device: it will go on by itself. You can close this page."] =
    "Geh zurück zu deinem Gerät: Es macht von selbst weiter. Diese Seite kannst du schließen.",
  ["The device gets no access. You can close this page."] =
    "Das Gerät bekommt keinen Zugriff. Diese Seite kannst du schließen.",

  -- what the consent policy says
  ["It would be able to"] = "Sie könnte",
  ["Know who you are"] = "Wissen, wer du bist",
  ["Take full control"] = "Alles übernehmen",
  ["Run"] = "Ausführen",
  ["Change"] = "Ändern",
  ["See"] = "Ansehen",
  ["This app could do everything that you can do, also delete and spend."] =
    "Diese App könnte alles, was du kannst, auch löschen und Geld ausgeben.",
  ["This app asks for more than most. Allow it only if you know who runs it."] =
    "Diese App verlangt mehr als die meisten. Erlaube es nur, wenn du weißt, wer sie betreibt.",

  -- what the scopes policy says
  ["Sign you in"] = "Dich anmelden",
  ["See your user name and when you joined"] = "Deinen Namen sehen, und seit wann du dabei bist",
  ["See your balance"] = "Dein Guthaben sehen",
  ["See your invoices and payments"] = "Deine Rechnungen und Zahlungen sehen",
  ["See your quotas"] = "Deine Kontingente sehen",
  ["See how much you have used"] = "Deinen Verbrauch sehen",
  ["See your account, your apps and what you have allowed them"] = "Dein Konto, deine Apps und was du ihnen erlaubt hast sehen",
  ["Change your account and your apps"] = "Dein Konto und deine Apps ändern",
  ["See your stored secrets"] = "Deine gespeicherten Geheimnisse sehen",
  ["Add and replace your stored secrets"] = "Geheimnisse speichern und ersetzen",
  ["See your chutes"] = "Deine Chutes sehen",
  ["Create and change your chutes"] = "Chutes anlegen und ändern",
  ["Delete your chutes"] = "Deine Chutes löschen",
  ["Run your chutes, at your cost"] = "Deine Chutes ausführen, auf deine Kosten",
  ["See your images"] = "Deine Images sehen",
  ["Build and change your images"] = "Images bauen und ändern",
  ["Delete your images"] = "Deine Images löschen",
  ["See what your chutes were asked and what they answered"] = "Fragen an deine Chutes und ihre Antworten sehen",
  ["See your chutes, images, invocations and account"] = "Deine Chutes, Images, Aufrufe und dein Konto sehen",
  ["Change what needs no special permission"] = "Ändern, was keine besondere Erlaubnis braucht",
  ["Delete what needs no special permission"] = "Löschen, was keine besondere Erlaubnis braucht",
  ["Do everything that you can do yourself"] = "Alles tun, was du selbst kannst",

  -- back to the app
  ["Back to the app"] = "Zurück zur App",
  ["If nothing happens, press the button."] = "Wenn nichts geschieht, drücke den Knopf.",
  ["Go on"] = "Weiter",

  -- signing out
  ["Sign out"] = "Abmelden",
  ["Sign out of"] = "Abmelden bei",
  ["asks to sign you out."] = "möchte dich abmelden.",
  ["You are signed in as"] = "Angemeldet bist du als",
  ["Sign out everywhere"] = "Überall abmelden",
  ["Stay signed in"] = "Angemeldet bleiben",
  ["Everywhere is every browser and device that you are signed in with. Apps are told if they want to know; what you have allowed them stays until you take it back."] =
    "Überall heißt: in jedem Browser und auf jedem Gerät, in dem du angemeldet bist. Apps erfahren es, wenn sie wollen; was du ihnen erlaubt hast, gilt weiter, bis du es zurücknimmst.",
  ["You are signed out"] = "Du bist abgemeldet",
  ["You may close this page."] = "Du kannst diese Seite schließen.",
  ["You are signed out everywhere. What you have allowed apps stays until you take it back."] =
    "Du bist überall abgemeldet. Was du Apps erlaubt hast, gilt weiter, bis du es zurücknimmst.",
  ["You stay signed in"] = "Du bleibst angemeldet",
  ["Nothing has changed."] = "Nichts hat sich geändert.",
  ["The client_id is not that of the id_token_hint."] = "Die client_id ist nicht die des id_token_hint.",
  ["Which app this is for is not known: client_id or a valid id_token_hint is missing."] =
    "Für welche App das ist, ist nicht bekannt: Es fehlt die client_id oder ein gültiger id_token_hint.",
  ["The app has not registered this post_logout_redirect_uri."] =
    "Die App hat diese post_logout_redirect_uri nicht angemeldet.",
  ["This page belongs to another sign-in. Load it again."] = "Diese Seite gehört zu einer anderen Anmeldung. Lade sie neu.",

  -- errors
  ["Too many attempts have failed. Try again in"] = "Zu viele Versuche sind fehlgeschlagen. Versuche es wieder in",
  ["This did not work"] = "Das hat nicht geklappt",
  ["Something went wrong"] = "Hier ist etwas schiefgegangen",
  ["If you ask for help, give this number:"] = "Wenn du um Hilfe bittest, nenne diese Nummer:",
  ["No app has this client_id."] = "Keine App hat diese client_id.",
  ["This app is switched off."] = "Diese App ist abgeschaltet.",
  ["The app has not registered this redirect_uri."] = "Die App hat diese redirect_uri nicht angemeldet.",
  ["The app has changed since. Go back to it and try again."] =
    "Die App hat sich inzwischen geändert. Geh zu ihr zurück und versuche es noch einmal.",
  ["You are not signed in. Go back to the app and try again."] =
    "Du bist nicht angemeldet. Geh zur App zurück und versuche es noch einmal.",
  ["This request has been answered already."] = "Diese Anfrage wurde schon beantwortet.",
  ["This request has been answered already. Go back to the app."] =
    "Diese Anfrage wurde schon beantwortet. Geh zur App zurück.",
  ["This request has expired. Go back to the app and try again."] =
    "Diese Anfrage ist abgelaufen. Geh zur App zurück und versuche es noch einmal.",
  ["This request is not one of ours. Go back to the app and try again."] =
    "Diese Anfrage ist nicht von uns. Geh zur App zurück und versuche es noch einmal.",
  ["This code is not right, or it has expired."] = "Dieser Code stimmt nicht, oder er ist abgelaufen.",
  ["This code has expired. Start anew on your device."] = "Dieser Code ist abgelaufen. Beginne auf dem Gerät von vorn.",
  ["These were too many wrong codes. Try again in ten minutes."] =
    "Das waren zu viele falsche Codes. Versuche es in zehn Minuten noch einmal.",
  ["This form was sent by another site."] = "Dieses Formular kam von einer anderen Seite.",
  ["This sign-in was not started in this browser."] = "Diese Anmeldung begann nicht in diesem Browser.",
  ["The sign-in was not approved."] = "Der Zugriff wurde nicht erlaubt.",
  ["This could not be decided: the server's policy failed."] =
    "Das konnte nicht entschieden werden: Eine Regel dieses Servers ist fehlerhaft.",
  ["The server's policy does not allow this."] = "Die Regeln dieses Servers erlauben das nicht.",
  ["The request is malformed."] = "Die Anfrage ist fehlerhaft.",
  ["Not found."] = "Das gibt es hier nicht.",
  ["This is not allowed."] = "Das ist nicht erlaubt.",
  ["The request was denied."] = "Die Anfrage wurde abgelehnt.",
  ["A policy of this server failed; nothing was granted."] =
    "Eine Regel dieses Servers ist fehlerhaft; nichts wurde erlaubt.",
  ["Something went wrong here."] = "Hier ist etwas schiefgegangen.",
  ["The store cannot be reached. Try again soon."] =
    "Die Datenbank ist nicht erreichbar. Versuche es gleich noch einmal.",
  ["Too much to do right now. Try again soon."] = "Gerade ist zu viel los. Versuche es gleich noch einmal.",
  ["Too many requests. Try again later."] = "Zu viele Anfragen. Versuche es später noch einmal.",

  -- the home page and the demo
  ["is running"] = "läuft",
  ["An identity provider: apps send people here to sign in, and people decide what each app may do."] =
    "Ein Identity Provider: Apps schicken Menschen zur Anmeldung her, und die Menschen entscheiden, was jede App darf.",
  ["Issuer"] = "Issuer",
  ["Version"] = "Version",
  ["Database"] = "Datenbank",
  ["Signed in as"] = "Angemeldet als",
  ["Try it"] = "Probier es aus",
  ["Sign in and see what an app would get. The fingerprint was printed when the server started."] =
    "Melde dich an und sieh, was eine App bekäme. Der Fingerprint wurde beim Start des Servers ausgegeben.",
  ["Try signing in"] = "Anmeldung ausprobieren",
  ["What answers here"] = "Was hier antwortet",
  ["Make it yours"] = "Mach es zu deinem",
  ["Lua files decide what may be granted, what people are asked and which apps are listed. Edit them while the server runs; README.md says how. They are in"] =
    "Lua-Dateien entscheiden, was erlaubt werden darf, was Menschen gefragt werden und welche Apps gelistet sind. Ändere sie, während der Server läuft; README.md sagt wie. Sie liegen in",
  ["Signed in"] = "Angemeldet",
  ["That did not work"] = "Das hat nicht geklappt",
  ["Your account is"] = "Dein Konto ist",
  ["This server just was its own client: it redeemed the code that it got, and asked about the token."] =
    "Dieser Server war gerade sein eigener Client: Er hat den Code eingelöst, den er bekam, und nach dem Token gefragt.",

  -- one's own account
  ["Sign in to your account"] = "Bei deinem Konto anmelden",
  ["Profile"] = "Profil",
  ["Sign-ins"] = "Anmeldungen",
  ["Connected apps"] = "Verbundene Apps",
  ["My apps"] = "Meine Apps",
  ["My app"] = "Meine App",
  ["API keys"] = "API-Schlüssel",
  ["App directory"] = "App-Verzeichnis",
  ["User id"] = "Kennung",
  ["Hotkey"] = "Hotkey",
  ["Roles"] = "Rollen",
  ["none"] = "keine",
  ["Member since"] = "Dabei seit",
  ["Signed in"] = "Angemeldet",
  ["by"] = "mit",
  ["on"] = "auf",
  ["fingerprint"] = "Fingerprint",
  ["hotkey"] = "Hotkey",
  ["Name, hotkey and roles are set by whoever runs this server."] =
    "Name, Hotkey und Rollen legt fest, wer diesen Server betreibt.",
  ["Where you are signed in"] = "Wo du angemeldet bist",
  ["this browser"] = "dieser Browser",
  ["Unknown device"] = "Unbekanntes Gerät",
  ["Last seen"] = "Zuletzt gesehen",
  ["You are not signed in there any more."] = "Du bist dort nicht mehr angemeldet.",
  ["You have not allowed any app anything."] = "Du hast keiner App etwas erlaubt.",
  ["Allowed since"] = "Erlaubt seit",
  ["Take back"] = "Zurücknehmen",
  ["What you take back ends at once, on every device of the app. It may ask you again."] =
    "Was du zurücknimmst, endet sofort, auf jedem Gerät der App. Sie darf dich wieder fragen.",
  ["Your new key"] = "Dein neuer Schlüssel",
  ["Copy it now: it is not shown again."] = "Kopiere ihn jetzt: Er wird nicht noch einmal gezeigt.",
  ["Without a name"] = "Ohne Namen",
  ["Revoke"] = "Widerrufen",
  ["What is the key for?"] = "Wofür ist der Schlüssel?",
  ["Make a key"] = "Schlüssel erzeugen",
  ["A program that has a key of yours can do with your apps what you can. Keep it as you would a password."] =
    "Ein Programm mit deinem Schlüssel kann mit deinen Apps tun, was du kannst. Hüte ihn wie ein Passwort.",
  ["Search"] = "Suchen",
  ["Sort"] = "Sortieren",
  ["Show"] = "Zeigen",
  ["Newest first"] = "Neueste zuerst",
  ["By name"] = "Nach Namen",
  ["Most used first"] = "Meistgenutzte zuerst",
  ["No app was found."] = "Keine App gefunden.",
  ["Pages"] = "Seiten",
  ["Back"] = "Zurück",
  ["More"] = "Mehr",
  ["You have no app yet."] = "Du hast noch keine App.",
  ["switched off"] = "abgeschaltet",
  ["switched on"] = "eingeschaltet",
  ["not listed"] = "nicht gelistet",
  ["People who use it:"] = "Menschen, die sie nutzen:",
  ["Make an app"] = "App anlegen",
  ["Make the app"] = "App anlegen",
  ["Keep this secret"] = "Bewahre das gut auf",
  ["This is what the app signs in to this server with. Copy the secret now: it is not shown again."] =
    "Damit meldet sich die App bei diesem Server an. Kopiere das Geheimnis jetzt: Es wird nicht noch einmal gezeigt.",
  ["App"] = "App",
  ["State"] = "Zustand",
  ["People"] = "Menschen",
  ["Name"] = "Name",
  ["What it does, for the people who are asked"] = "Was sie tut, für die Menschen, die gefragt werden",
  ["Redirect URIs, one a line"] = "Redirect-URIs, eine pro Zeile",
  ["Homepage"] = "Homepage",
  ["Address of its logo"] = "Adresse ihres Logos",
  ["Others find it in the directory"] = "Andere finden sie im Verzeichnis",
  ["How it speaks OAuth"] = "Wie sie OAuth spricht",
  ["whichever it uses"] = "welche sie benutzt",
  ["Days that it may stay away"] = "Tage, die sie wegbleiben darf",
  ["Privileged scopes that it may ask for, one a line"] = "Besondere Scopes, um die sie bitten darf, einer pro Zeile",
  ["Where people may go after signing out, one a line"] = "Wohin es nach dem Abmelden gehen darf, eine pro Zeile",
  ["Save"] = "Speichern",
  ["Shown to"] = "Gezeigt für",
  ["Remove"] = "Entfernen",
  ["One more person, by name"] = "Noch jemand, mit Namen",
  ["Share"] = "Teilen",
  ["Secret"] = "Geheimnis",
  ["The secret that the app has now stops at once."] = "Das jetzige Geheimnis der App gilt sofort nicht mehr.",
  ["Make a new secret"] = "Neues Geheimnis erzeugen",
  ["End"] = "Ende",
  ["Switched off, nobody can sign in to it and its tokens stop. It can be switched on again."] =
    "Abgeschaltet kann sich niemand bei ihr anmelden, und ihre Tokens gelten nicht. Sie lässt sich wieder einschalten.",
  ["Switch off"] = "Abschalten",
  ["Switch on"] = "Einschalten",
  ["Delete it for good, with all that people have allowed it"] =
    "Endgültig löschen, mit allem, was ihr erlaubt wurde",
  ["Delete"] = "Löschen",
  ["Tick the box if the app is to be deleted."] = "Setze den Haken, wenn die App gelöscht werden soll.",
  ["Say with whom."] = "Sag, mit wem.",
}
